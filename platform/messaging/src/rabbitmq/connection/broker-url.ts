import type { Options } from 'amqplib';

/** Where the broker is and who we are there. `shown` is what may be logged: it has no secret in it. */
export interface BrokerUrl {
  readonly shown: string;
  readonly connect: Options.Connect;
}

/** Reads `amqp://user:password@host:port/vhost` or `amqps://…`. Throws a `RangeError` that repeats no part of it. */
export function parseBrokerUrl(url: string): BrokerUrl {
  if (!URL.canParse(url)) throw new RangeError('the URL of RabbitMQ is not a URL');
  const { protocol, hostname, port, username, password, pathname } = new URL(url);
  const scheme = protocol.slice(0, -1);
  if ((scheme !== 'amqp' && scheme !== 'amqps') || hostname === '') {
    throw new RangeError('the URL of RabbitMQ must look like amqp://user:password@host:5672/vhost');
  }
  // As the standard says: no path is the default vhost, which is called `/`.
  const vhost = decode(pathname.slice(1)) || '/';
  const portNumber = port === '' ? (scheme === 'amqp' ? 5672 : 5671) : Number(port);
  return {
    shown: `${scheme}://${hostname}:${portNumber}/${vhost === '/' ? '' : vhost}`,
    connect: {
      protocol: scheme,
      hostname: hostname.replace(/^\[|\]$/g, ''),
      port: portNumber,
      username: username === '' ? 'guest' : decode(username),
      password: password === '' && username === '' ? 'guest' : decode(password),
      // The client decodes it once more.
      vhost: encodeURIComponent(vhost),
    },
  };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    if (!(error instanceof URIError)) throw error;
    throw new RangeError('the URL of RabbitMQ has a part that is not percent-encoded');
  }
}
