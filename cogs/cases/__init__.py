"""Reports and appeals: what members bring before moderators, and how these decide."""
