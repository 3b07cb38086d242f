"""Why an alarm came, or why it did not, at any moment."""

from daemon.explain.explainer import Explainer, Live
from daemon.explain.explanation import Explanation, Part, Source

__all__ = ["Explainer", "Explanation", "Live", "Part", "Source"]
