import { useEffect, useState } from 'preact/hooks';

/** Where the browser is: every view has its address, filters included. */
export interface Place {
  readonly path: string;
  readonly query: URLSearchParams;
}

function here(): Place {
  return { path: location.pathname, query: new URLSearchParams(location.search) };
}

export function go(to: string, replace: boolean = false): void {
  if (replace) history.replaceState(null, '', to);
  else history.pushState(null, '', to);
  window.dispatchEvent(new Event('moved'));
}

export function usePlace(): Place {
  const [place, setPlace] = useState(here);
  useEffect(() => {
    const move = () => setPlace(here());
    const click = (event: MouseEvent) => {
      const link = (event.target as Element).closest?.('a');
      const isPlain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey;
      if (
        !link ||
        !isPlain ||
        link.origin !== location.origin ||
        link.target ||
        link.hasAttribute('download')
      )
        return;
      event.preventDefault();
      go(link.pathname + link.search);
      window.scrollTo(0, 0);
    };
    for (const name of ['popstate', 'moved']) window.addEventListener(name, move);
    document.addEventListener('click', click);
    return () => {
      for (const name of ['popstate', 'moved']) window.removeEventListener(name, move);
      document.removeEventListener('click', click);
    };
  }, []);
  return place;
}

/** The same page with another filter; it takes the place of this one in the history. */
export function setFilter(name: string, value: string): void {
  const query = new URLSearchParams(location.search);
  if (value === '') query.delete(name);
  else query.set(name, value);
  const text = query.toString();
  go(location.pathname + (text ? `?${text}` : ''), true);
}
