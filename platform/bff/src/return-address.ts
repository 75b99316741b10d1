const MAX_LENGTH = 2_000;
/** Controls and blanks are skipped by browsers, backslashes are slashes to them. */
const PLAIN = /^\/(?![/\\])[\x21-\x5b\x5d-\x7e]*$/;

/** A path of this origin to end a login at; `/` for anything else, and for what would begin another login. */
export function localPath(asked: string | undefined, origin: string): string {
  if (asked === undefined || asked.length > MAX_LENGTH || !PLAIN.test(asked)) return '/';
  const url = URL.parse(asked, origin);
  if (url === null || url.origin !== origin || url.pathname.startsWith('//')) return '/';
  if (/^\/(bff|identity)(\/|$)/i.test(url.pathname)) return '/';
  return `${url.pathname}${url.search}${url.hash}`;
}
