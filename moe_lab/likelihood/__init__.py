"""The likelihood that everything serves: sum_i w_i log sum_k g_k(x_i) p_k(y_i | x_i)."""
