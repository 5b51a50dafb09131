"""Front ends that come as images: a program in a container, which asks for graphs and returns a result.

choosing        which front end a build has
program         how an image's program is run, and what it must be able to do
link            its standard streams, as the connection that it is talked to on
image_frontend  one build by such a front end
driven          what a front end may ask of its build
joining         the result that it returns, of one graph or several
"""
