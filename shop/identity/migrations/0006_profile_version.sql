-- The name is a copy of what the user service keeps; this is the version of the profile that it was taken from.
ALTER TABLE account ADD COLUMN profile_version integer NOT NULL DEFAULT 0;
