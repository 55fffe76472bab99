"""Phonotheque keeps recorded music that may lawfully be kept, in copies that anyone can hold."""

from importlib.metadata import version

__version__ = version("phonotheque")
