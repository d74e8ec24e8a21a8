"""What is known about IDs and models: the ID tree, the doctor, costs, projections, evaluation, attribution."""
