"""One adapter per AWS service; they translate, and decide nothing."""
