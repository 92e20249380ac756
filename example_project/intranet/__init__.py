"""An ordinary intranet with Webex spaces beside its projects."""
