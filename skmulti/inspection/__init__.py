"""Look into what is fitted: a fitted estimator and rows go in, numbers, drawings of them and reports come out."""
