import { QueryClientProvider } from '@tanstack/react-query';
import { createRoot } from 'react-dom/client';
import { createQueryClient } from './api/query-client.ts';
import { App } from './app.tsx';
import { reportVitals } from './vitals.ts';

const root = document.getElementById('root');
if (!root) throw new TypeError('the page has no root');

createRoot(root).render(
  <QueryClientProvider client={createQueryClient()}>
    <App />
  </QueryClientProvider>,
);
reportVitals();
