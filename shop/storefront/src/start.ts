import './styles/tokens.css';
import './styles/base.css';
import './styles/controls.css';
import './styles/layout.css';
import './styles/pages.css';
import './styles/motion.css';
import { preload } from './pages/pages.ts';

// The page that the address names is loaded beside what all pages need, and not after it. The document names that, so that both are on
// their way before this runs.
preload(location.pathname);
await import('./main.tsx');
