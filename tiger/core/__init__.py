"""What every room stands on and what knows nothing of recommenders: hyper-parameters, progress, paths, files."""
