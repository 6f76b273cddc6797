"""bridge: the ticket bridge between a customer's helpdesk and the vendor's tracker."""

__version__ = "0.1.0"
