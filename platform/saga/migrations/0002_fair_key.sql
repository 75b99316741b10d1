-- Whose work it is: of one key no more is claimed than its share of an engine's places. Null: nobody's in particular.
ALTER TABLE saga_instance ADD COLUMN fair_key text;
