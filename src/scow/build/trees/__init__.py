"""What COPY and ADD read from: the build's context, other stages, heredocs, downloads."""
