import { defineRoute } from '@flotilla/http';
import * as s from '@flotilla/kernel/schema';
import { adminOnly } from './access.ts';
import { ONE_LINE, pageOf, pageQuery } from './common.ts';

/** The mailbox that stands in for SMTP when no server is configured. Not routed by the gateway. */
export const listMails = defineRoute({
  operationId: 'listMails',
  method: 'GET',
  path: '/internal/mails',
  summary: 'Mails that were sent, newest first',
  access: adminOnly,
  query: s.object({ to: s.optional(s.string({ maxLength: 254, pattern: ONE_LINE })), ...pageQuery }),
  responses: {
    200: pageOf(
      'MailPage',
      s.object({
        id: s.string(),
        to: s.string({ 'x-pii': true }),
        subject: s.string(),
        text: s.string(),
        html: s.optional(s.string()),
        sentAt: s.string({ format: 'date-time' }),
      }),
    ),
  },
});
