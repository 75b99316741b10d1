-- When it is looked at again whether an order that runs by events stands still. Set when it begins and moved by each look,
-- not by each report: those change no index.
ALTER TABLE order_process ADD COLUMN ask_at timestamptz;
UPDATE order_process SET ask_at = clock_timestamp() WHERE stage IN ('open', 'shipping', 'cancelling');
ALTER TABLE order_process ALTER COLUMN ask_at SET DEFAULT clock_timestamp() + interval '30 seconds';

CREATE INDEX order_process_ask ON order_process (ask_at) WHERE stage IN ('open', 'shipping', 'cancelling');
