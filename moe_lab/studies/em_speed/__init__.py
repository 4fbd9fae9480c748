"""How fast EM is: against R's flexmix, and with the number of rows."""
