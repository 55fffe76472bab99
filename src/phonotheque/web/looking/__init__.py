"""Looking at an archive or a mirror: figures and plots, counted ahead and told in two languages."""
