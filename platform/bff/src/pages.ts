import { escapeMarkup } from '@flotilla/kernel';

/** A small page that needs no script. */
export interface Page {
  readonly status: number;
  readonly html: string;
}

type Problem = 'unknown-login' | 'refused' | 'unavailable' | 'not-configured';

const TEXTS: Readonly<
  Record<Problem, { readonly status: number; readonly title: string; readonly text: string }>
> = {
  'unknown-login': {
    status: 400,
    title: 'This sign-in cannot go on',
    text: 'It was begun too long ago, or in another browser, or this browser keeps no secure cookies for a page without https (Safari does not, not even on your own computer).',
  },
  refused: {
    status: 400,
    title: 'This sign-in was refused',
    text: 'What came back does not belong to it. Nobody has been signed in.',
  },
  unavailable: {
    status: 503,
    title: 'Signing in is not possible right now',
    text: 'Everything that needs no account works. Please try again in a moment.',
  },
  'not-configured': {
    status: 503,
    title: 'Signing in is not set up',
    text: 'Whoever runs this site has to give it the secret of its client first.',
  },
};

/** What went wrong with a login, and a way on. */
export function problemPage(problem: Problem, returnUrl: string): Page {
  const { status, title, text } = TEXTS[problem];
  const again = `/bff/login?returnUrl=${encodeURIComponent(returnUrl)}`;
  return {
    status,
    html: `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${title}</title></head>
<body><main><h1>${title}</h1><p>${text}</p><p><a href="${escapeMarkup(again)}">Sign in again</a> · <a href="/">Home</a></p></main></body></html>
`,
  };
}
