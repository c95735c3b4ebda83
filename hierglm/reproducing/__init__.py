"""The script that makes a fit again."""

from hierglm.reproducing.script import Script, reproduce

__all__ = ["Script", "reproduce"]
