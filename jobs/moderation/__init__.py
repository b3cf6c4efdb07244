"""What moderators and managers decide: policy, review, cases, blocks, settings, and the audit."""
