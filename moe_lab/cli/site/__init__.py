"""The documentation as a site, by `make docs`: pages, the course with its output, the reference.

Everything is written elsewhere: README, CONTRIBUTING and the studies' READMEs, the notebooks of
the course, the cards of the plugins, the docstrings. pdoc makes the reference, since it reads
numpydoc and asks for neither configuration nor sources of its own; nbconvert makes all other pages.
"""
