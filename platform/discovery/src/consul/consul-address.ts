import { accept, type Result, reject } from '@flotilla/kernel';

/**
 * The base URL in `CONSUL_HTTP_ADDR`, as Consul's own clients read it: with or without a scheme, `https` when
 * `CONSUL_HTTP_SSL` says so. The rejection says how it must look.
 */
export function consulUrl(address: string, isSecure: boolean = false): Result<string, string> {
  const text = /^[a-z]+:\/\//i.test(address) ? address : `http${isSecure ? 's' : ''}://${address}`;
  const url = URL.parse(text);
  const isHttp = url?.protocol === 'http:' || url?.protocol === 'https:';
  if (url === null || !isHttp || url.hostname === '' || url.username !== '')
    return reject('must look like http://127.0.0.1:8500');
  if (isSecure) url.protocol = 'https:';
  return accept(`${url.origin}${url.pathname.replace(/\/+$/, '')}`);
}
