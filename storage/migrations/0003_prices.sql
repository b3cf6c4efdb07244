-- What a job is expected to cost, and which backends turned it away.

ALTER TABLE job ADD COLUMN price_micros INTEGER CHECK (price_micros >= 0);  -- NULL: not known
ALTER TABLE job ADD COLUMN currency TEXT NOT NULL DEFAULT '';
ALTER TABLE job ADD COLUMN refused_by TEXT NOT NULL DEFAULT '[]';
