import type { StoredMail } from './mail-store.ts';

/** Hands one mail to a mail server. Resolves when the server has taken it, rejects otherwise. */
export interface MailServer {
  send(mail: StoredMail): Promise<void>;
}

export interface SmtpOptions {
  /** `smtp://user:password@host:port` or `smtps://…`; see `requiresTls`. */
  readonly url: string;
  readonly from: string;
}

const LOOPBACK = /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;

/**
 * Must `smtp://` become TLS by STARTTLS? Whoever is on the line can take the offer out of the server's greeting, and
 * would read passwords and mails: so it must, unless the URL says `?requireTLS=false` or the server is on this machine.
 */
export function requiresTls(url: string): boolean {
  const { hostname, searchParams } = new URL(url);
  const said = searchParams.get('requireTLS');
  return said === null ? !LOOPBACK.test(hostname) : said !== 'false';
}

const CONNECT_TIMEOUT_MS = 5_000;
const SOCKET_TIMEOUT_MS = 15_000;

/** Loaded only when there is a server: nodemailer would delay the boot of everybody else. */
export async function createSmtpServer({ url, from }: SmtpOptions): Promise<MailServer> {
  const { createTransport } = await import('nodemailer');
  const transport = createTransport({
    url,
    requireTLS: requiresTls(url),
    connectionTimeout: CONNECT_TIMEOUT_MS,
    greetingTimeout: CONNECT_TIMEOUT_MS,
    socketTimeout: SOCKET_TIMEOUT_MS,
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  const domain = from.replace(/>.*$/, '').split('@').at(-1) ?? 'localhost';
  return {
    send: async ({ id, to, subject, text, html }) => {
      // The same mail always has the same Message-ID: receivers recognise one that had to be sent twice.
      await transport.sendMail({
        from,
        to: { name: '', address: to },
        subject,
        text,
        ...(html !== undefined && { html }),
        messageId: `<${id}@${domain}>`,
      });
    },
  };
}
