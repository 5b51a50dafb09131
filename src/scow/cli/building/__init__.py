"""``scow build``: from options to a request, from what the engine tells to a picture of it."""
