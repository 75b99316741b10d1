/** `acr` of logins: how sure it is that it was the owner. */
export const ACR = { password: 'urn:flotilla:acr:password', multiFactor: 'urn:flotilla:acr:multi-factor' };

/** How somebody signed in (RFC 8176). */
export type Methods = readonly string[];

export function acrOf(amr: Methods): string {
  return amr.includes('mfa') ? ACR.multiFactor : ACR.password;
}
