"""A server that speaks the Windsurf wire, with a made-up company behind it: demo, example and test bench.

Importing this loads no web server; `demo_server` starts one as a process of its own.
"""

from flexlib.demo.command import DEFAULT_KEY, add_arguments, run
from flexlib.demo.company import Company
from flexlib.demo.process import demo_server
