"""What can be in a clip: `world`, its words (`captions`) and its pixels (`draw`)."""
