/** What stands where a secret was. */
export const REDACTED = '[redacted]';

/** Most texts have nothing of this: they are looked at once. */
const SUSPECT =
  /bearer|basic |eyj|passw|passphrase|secret|token|api.?key|private.?key|credential|cookie|session.?id|cvv|cvc|card|:\/\/[^/\s]*@|(?<![\w.:-])[2-6]\d{3}[ -]?\d{4}|_live_|_test_|akia|gh[pousr]_|xox/i;

/** Between the name of something and its value: as in JSON, in JSON within a text, in queries, forms and headers. */
const IS = String.raw`(?:\\*["'])?\s*[:=]\s*(?:\[\s*(?=\\*["']))?(?:\\*["'])?`;
const IS_QUOTED = String.raw`(?:\\*["'])?\s*[:=]\s*(?:\[\s*)?\\*["']`;
const NAMES = [
  ...[
    'passw(?:or)?d(?:hash)?',
    'passphrase',
    'secret',
    'token',
    'api[-_]?key',
    'private[-_]?key',
    'credentials?',
  ],
  ...['session[-_]?id', 'cvv2?', 'cvc2?', 'card[-_]?number'],
].join('|');

const RULES: readonly (readonly [what: RegExp, instead: string])[] = [
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g, REDACTED],
  [/:\/\/[^/\s"'@]*@/g, `://${REDACTED}@`],
  [/\b(bearer|basic|dpop) +[\w.~+/=-]{6,}/gi, `$1 ${REDACTED}`],
  [/\beyJ[\w-]{6,}\.[\w-]+(?:\.[\w-]*)?/g, REDACTED],
  // All pairs of a cookie header, to the end of the line or of the text that it stands in.
  [new RegExp(String.raw`((?:set-)?cookie${IS})(?!\s*\[redacted\])[^"'\\\r\n]{4,}`, 'gi'), `$1${REDACTED}`],
  [new RegExp(String.raw`((?:${NAMES})${IS_QUOTED})(?!\[redacted\])[^"'\\\r\n]{3,}`, 'gi'), `$1${REDACTED}`],
  // A word that goes on, such as `token_type`, is another name; a value in quotes ends where they do.
  [
    new RegExp(
      String.raw`((?:${NAMES})${IS})(?!\[redacted\]|(?:true|false|null|undefined|string|number)\b)[^\s"'\\&,;{}[\]()<>]{3,}`,
      'gi',
    ),
    `$1${REDACTED}`,
  ],
  [/\b(?:[spr]k_(?:live|test)_\w{8,}|AKIA[0-9A-Z]{16}|gh[pousr]_\w{20,}|xox[abprs]-[\w-]{10,})/g, REDACTED],
];

const CARD = /(?<![\w.:-])(?:\d[ -]?){12,18}\d(?![\w.:-])/g;
/** Of Visa, Mastercard, American Express, Discover and JCB, with as many digits as they have. */
const ISSUED =
  /^(?:4\d{12}(?:\d{3}){0,2}|5[1-5]\d{14}|2[2-7]\d{14}|3[47]\d{13}|6(?:011|5\d\d)\d{12}|35\d{14})$/;

/** Compared without case, dashes and underscores: `access_token`, `accessToken` and `Access-Token` are one. */
const SECRET_NAMES: ReadonlySet<string> = new Set([
  'authorization',
  'proxyauthorization',
  'cookie',
  'setcookie',
  'password',
  'passwordhash',
  'token',
  'accesstoken',
  'refreshtoken',
  'idtoken',
  'secret',
  'clientsecret',
  'servicesecret',
  'apikey',
  'xapikey',
  'providerapikey',
  'privatekey',
  'cardnumber',
  'cvc',
  'cvv',
]);

// Names repeat, so the answer is remembered; bounded because names may be data.
const known = new Map<string, boolean>();

/** What is held under this name is a secret: `clientSecret`, or the last part of `http.request.header.authorization`. */
export function isSecretName(name: string): boolean {
  let answer = known.get(name);
  if (answer === undefined) {
    const last = name.slice(name.lastIndexOf('.') + 1);
    answer = SECRET_NAMES.has(last.toLowerCase().replaceAll(/[-_]/g, ''));
    if (known.size < 2_000) known.set(name, answer);
  }
  return answer;
}

/**
 * A text with what looks like a secret taken out: passwords, tokens and keys by their names, bearers, cookies, JSON Web Tokens, private keys,
 * passwords in addresses, numbers of cards. For what others wrote, such as messages of errors and addresses; what one writes oneself, one
 * leaves out by its key. A text without any is given back as it is.
 */
export function redactText(text: string): string {
  if (!SUSPECT.test(text)) return text;
  let clean = text;
  for (const [what, instead] of RULES) clean = clean.replace(what, instead);
  return clean.replace(CARD, (digits) => (isCard(digits.replaceAll(/[ -]/g, '')) ? REDACTED : digits));
}

type Replace = (key: string, value: unknown) => unknown;

/** With its name no secret is shorter. */
const SHORTEST = 12;

/** As JSON, with the values of secret names and what looks like a secret in texts taken out. `replace` comes first. */
export function redactedJson(value: unknown, replace: Replace = keep): string {
  if (!isSuspect(value)) return JSON.stringify(value, replace === keep ? undefined : replace) ?? 'null';
  return JSON.stringify(value, (key, given) => {
    const held = replace(key, given);
    if (isSecretName(key) && held !== null && held !== undefined && typeof held !== 'boolean')
      return REDACTED;
    return typeof held === 'string' ? redactText(held) : held;
  });
}

/** Cheaper than to write all of it twice: most values are numbers and short words. */
function isSuspect(value: unknown): boolean {
  if (typeof value === 'string') return value.length >= SHORTEST && SUSPECT.test(value);
  if (typeof value !== 'object' || value === null) return false;
  if (Array.isArray(value)) return value.some(isSuspect);
  for (const key in value) {
    if (isSecretName(key) || isSuspect((value as Readonly<Record<string, unknown>>)[key])) return true;
  }
  return false;
}

function keep(_key: string, value: unknown): unknown {
  return value;
}

/** By the check digit of Luhn, which one of ten numbers has by chance. */
function isCard(digits: string): boolean {
  if (!ISSUED.test(digits)) return false;
  let sum = 0;
  for (let place = 1; place <= digits.length; place += 1) {
    const digit = Number(digits.at(-place));
    const doubled = place % 2 === 0 ? digit * 2 : digit;
    sum += doubled > 9 ? doubled - 9 : doubled;
  }
  return sum % 10 === 0;
}
