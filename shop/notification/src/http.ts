import { handle, ok, problem, type RouteHandler } from '@flotilla/http';
import { listMails } from '@shop/contracts';
import type { MailStore, SentMail } from './mail-store.ts';

const DEFAULT_LIMIT = 20;

/** The mailbox, for administrators. */
export function notificationRoutes(mails: MailStore): readonly RouteHandler[] {
  return [
    handle(listMails, async ({ query: { to, cursor, limit = DEFAULT_LIMIT } }) => {
      const before = cursor === undefined ? undefined : parseCursor(cursor);
      if (cursor !== undefined && before === undefined)
        return problem(400, 'invalid-cursor', 'The cursor is not one of ours.');
      // One more than asked for tells whether there is a next page.
      const found = await mails.list({ to, before, limit: limit + 1 });
      const page = found.slice(0, limit);
      const last = page.at(-1);
      return ok({
        items: page.map(viewMail),
        next: last && found.length > limit ? formatCursor(last.number) : null,
      });
    }),
  ];
}

function viewMail({ id, to, subject, text, html, sentAt }: SentMail) {
  return { id, to, subject, text, ...(html !== undefined && { html }), sentAt: sentAt.toISOString() };
}

function formatCursor(number: string): string {
  return Buffer.from(number).toString('base64url');
}

function parseCursor(cursor: string): string | undefined {
  const number = Buffer.from(cursor, 'base64url').toString();
  return /^\d{1,18}$/.test(number) ? number : undefined;
}
