# Fits the mixture of flexmix.py with flexmix; prints version, seconds, rounds, log-likelihood.
# Arguments: a folder with x.bin, y.bin and start.bin (doubles, column by column), the number of
# rows, the tolerance and the most rounds.

suppressPackageStartupMessages(library(flexmix))

args <- commandArgs(trailingOnly = TRUE)
n_samples <- as.integer(args[2])
read <- function(name) {
  path <- file.path(args[1], name)
  matrix(readBin(path, "double", file.size(path) / 8), nrow = n_samples)
}

x <- read("x.bin")
colnames(x) <- paste0("x", seq_len(ncol(x)))
data <- data.frame(y = read("y.bin")[, 1], x)
start <- read("start.bin")

fit <- function(tolerance, max_iter) {
  flexmix(
    reformulate(colnames(x), "y"),
    data = data,
    cluster = start,
    concomitant = FLXPmultinom(reformulate(colnames(x))),
    control = list(tolerance = tolerance, iter.max = max_iter, minprior = 0)
  )
}

invisible(fit(1, 2)) # R compiles what it runs twice
seconds <- system.time(fitted <- fit(as.numeric(args[3]), as.integer(args[4])))[["elapsed"]]
cat(
  as.character(packageVersion("flexmix")),
  sprintf("%.15g", c(seconds, fitted@iter, as.numeric(logLik(fitted))))
)
