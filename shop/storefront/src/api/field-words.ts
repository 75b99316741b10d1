import { type FieldError, RequestError } from './request.ts';

/** What validators say, as people say it. The first that fits counts. */
const WORDS: readonly (readonly [RegExp, (found: RegExpMatchArray) => string])[] = [
  [/^is required$|fewer than 1 char/, () => 'Please fill in this field.'],
  [/fewer than (\d+) char/, ([, least]) => `Please use at least ${least} characters.`],
  [/more than (\d+) char/, ([, most]) => `Please use at most ${most} characters.`],
  [/format "email"/, () => 'Please enter an e-mail address, such as name@example.com.'],
  [/match pattern/, () => 'Please use letters, digits and signs on one line.'],
];

/** Why the server refuses a field, beside which it is shown; `undefined` for a field with which it is content. */
export function fieldWords(error: unknown, name: string): string | undefined {
  if (!(error instanceof RequestError)) return undefined;
  const refused = error.errors.find(({ path }) => path.endsWith(`/${name}`));
  return refused && wordsOfField(refused);
}

function wordsOfField({ message }: FieldError): string {
  for (const [pattern, words] of WORDS) {
    const found = message.match(pattern);
    if (found) return words(found);
  }
  return 'Please check this field.';
}
