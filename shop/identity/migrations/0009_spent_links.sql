-- A form that is sent twice is told what its first sending has done, rather than that its link is used up.
ALTER TABLE account_link ADD COLUMN spent_at timestamptz;
