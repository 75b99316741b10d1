/** The cards of the test provider: what each does is said, so that everybody can see what the shop makes of it. */
export const CARDS = [
  { token: 'tok_ok', name: 'A card that works', detail: 'Accepted at once.' },
  { token: 'tok_slow', name: 'A slow bank', detail: 'Accepted after three seconds.' },
  {
    token: 'tok_flaky',
    name: 'A bank with hiccups',
    detail: 'Fails twice, then accepts. You are charged once.',
  },
  {
    token: 'tok_timeout',
    name: 'A bank that goes silent',
    detail: 'Takes the money and never answers. The shop finds out and does not charge again.',
  },
  {
    token: 'tok_declined',
    name: 'A card that is declined',
    detail: 'Nothing is charged; your basket stays as it is.',
  },
] as const;

/** Where the shop ships to, by the names of a browser's language. `XX` is refused by the carrier, to be seen. */
export const COUNTRIES = [
  'AT',
  'BE',
  'CH',
  'CZ',
  'DE',
  'DK',
  'ES',
  'FI',
  'FR',
  'IE',
  'IT',
  'LU',
  'NL',
  'PL',
  'PT',
  'SE',
];
export const REFUSED_COUNTRY = 'XX';
