import { definePolicy } from '../../grammar/policy.ts';
import { isHost } from '../../wire/rules/host.ts';

export interface UrlsConfig {
  /** Paths with `%2F` and with escaped escapes (`%25` before two hex digits) pass as they came. */
  readonly passesEncodedSlashes: boolean;
  /** The Host field for the back end: of the client, or this one; `undefined` = of the instance. */
  readonly hostField: 'client' | { readonly name: string } | undefined;
}

const PASS = 'pass';

export const urls = definePolicy({
  keys: {
    EncodedSlashes: {
      type: 'string',
      oneOf: ['Refuse', 'Pass'],
      default: 'Refuse',
      own: true,
      doc: '`Pass`: `%2F` and escaped escapes (`%252e`) of a path go to the back end as they came, unless decoded they would make a dot segment. For APIs with names in their paths (npm, RabbitMQ, GitLab); what is decided on is one segment.',
    },
    HostHeader: {
      type: 'string',
      own: true,
      doc: '`Pass`: the back end gets the Host of the client; else this host. Absent = its own.',
    },
  },
  read: ({ own, global }): UrlsConfig => {
    const given = own?.values.HostHeader || global?.values.HostHeader || undefined;
    const isPassed = given?.toLowerCase() === PASS;
    if (given !== undefined && !isPassed && !isHost(given))
      (own ?? global)?.error('HostHeader', `${given} is no host`);
    return {
      passesEncodedSlashes: (own?.values.EncodedSlashes ?? global?.values.EncodedSlashes) === 'Pass',
      hostField: isPassed ? 'client' : given === undefined ? undefined : { name: given },
    };
  },
});
