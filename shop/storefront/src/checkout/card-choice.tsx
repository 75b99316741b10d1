import { CARDS } from './cards.ts';

export function CardChoice({ value, onChange }: { value: string; onChange: (token: string) => void }) {
  return (
    <>
      <p className="fine">
        No money moves in this shop. Its payment provider has five cards that behave as cards do; choose
        which.
      </p>
      <div className="choices">
        {CARDS.map(({ token, name, detail }) => (
          <label className="choice" key={token}>
            <input
              type="radio"
              name="card"
              value={token}
              checked={token === value}
              onChange={() => onChange(token)}
            />
            <span>
              <strong>{name}</strong>
              <span className="fine">{detail}</span>
            </span>
          </label>
        ))}
      </div>
    </>
  );
}
