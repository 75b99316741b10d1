const PATHS = {
  search:
    'M10.5 4a6.5 6.5 0 1 0 4 11.6l4.7 4.7 1.4-1.4-4.7-4.7A6.5 6.5 0 0 0 10.5 4Zm0 2a4.5 4.5 0 1 1 0 9 4.5 4.5 0 0 1 0-9Z',
  basket:
    'M8.2 9 11 3.6l1.8.9L10.5 9h5.9l-2.2-4.5 1.8-.9L18.7 9H21v2h-.7l-1.6 8.2a1 1 0 0 1-1 .8H6.3a1 1 0 0 1-1-.8L3.7 11H3V9h5.2Zm-2.4 2 1.3 7h9.8l1.3-7H5.8Z',
  person:
    'M12 4a4 4 0 1 1 0 8 4 4 0 0 1 0-8Zm0 2a2 2 0 1 0 0 4 2 2 0 0 0 0-4Zm0 7.5c4.2 0 7 2.2 7.5 6.5h-2c-.5-3-2.4-4.5-5.5-4.5S7 17 6.5 20h-2c.5-4.3 3.3-6.5 7.5-6.5Z',
  box: 'm12 3 8 4.2v9.6L12 21l-8-4.2V7.2L12 3Zm0 2.3L7.1 7.9 12 10.5l4.9-2.6L12 5.3ZM6 9.6v6l5 2.6v-6L6 9.6Zm12 0-5 2.6v6l5-2.6v-6Z',
  check: 'm9.6 17.4-5-5L6 11l3.6 3.6L18 6.2l1.4 1.4-9.8 9.8Z',
  cross: 'm6.4 5 5.6 5.6L17.6 5 19 6.4 13.4 12l5.6 5.6-1.4 1.4-5.6-5.6L6.4 19 5 17.6l5.6-5.6L5 6.4 6.4 5Z',
  arrow: 'm13 5 7 7-7 7-1.4-1.4 4.6-4.6H4v-2h12.2l-4.6-4.6L13 5Z',
} as const;

/** Beside words, never in their place, so that it needs none of its own. */
export function Icon({ name }: { name: keyof typeof PATHS }) {
  return (
    <svg className="icon" viewBox="0 0 24 24" width="24" height="24" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} fill="currentColor" />
    </svg>
  );
}
