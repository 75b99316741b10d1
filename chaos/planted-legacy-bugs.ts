import type { PlantedBug } from './planted-bugs.ts';

/** Of the monolith and the move: what each step prevents, as it would show without it. */
export const LEGACY_PLANTS: readonly PlantedBug[] = [
  {
    id: 'L1',
    bug: 'an order is decided here before the monolith has let go of it',
    database: 'legacy',
    sql: 'UPDATE orders SET moved_on = NULL WHERE no = 1001',
  },
  {
    id: 'L2',
    bug: 'a process that died after the monolith had let go is never followed by another',
    database: 'order',
    sql: "UPDATE moved_order SET stage = 'staged' WHERE number = 1001",
  },
  {
    id: 'L2',
    bug: 'the monolith is never told of a cancellation',
    database: 'order',
    sql: "UPDATE moved_order SET stage = 'cancelling' WHERE number = 1001",
  },
  {
    id: 'L3',
    bug: 'a change of the monolith came between the copy and its letting go',
    database: 'legacy',
    sql: `UPDATE orders SET state = 'X', cancelled_on = now(), remark = 'cancelled-by-customer' WHERE no = 1001;
          UPDATE articles SET stock = received`,
  },
  {
    id: 'L3',
    bug: 'cents are lost on the way',
    database: 'order',
    sql: `UPDATE moved_order SET content = jsonb_set(content, '{total,amountMinor}', '4989') WHERE number = 1001`,
  },
  {
    id: 'L4',
    bug: 'goods are given back twice',
    database: 'legacy',
    sql: 'UPDATE articles SET stock = stock + 1',
  },
  {
    id: 'L4',
    bug: 'a position is lost',
    database: 'legacy',
    sql: 'DELETE FROM positions WHERE order_no = 1002; UPDATE articles SET stock = stock + 2',
  },
];
