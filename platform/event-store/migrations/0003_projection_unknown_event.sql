-- Since when the event at `failed_position` waits for a runner whose code knows it.
ALTER TABLE projection_generation ADD COLUMN unknown_since timestamptz;
