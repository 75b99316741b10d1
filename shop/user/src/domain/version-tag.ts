/** How a version is written in `ETag`. */
export function tagOf(version: number): string {
  return `"${version}"`;
}

/** Does `If-Match` allow a change of this version? Without one every version may be changed. */
export function isMatched(ifMatch: string | undefined, version: number): boolean {
  if (ifMatch === undefined) return true;
  const tags = ifMatch.split(',').map((tag) => tag.trim());
  return tags.includes('*') || tags.includes(tagOf(version));
}
