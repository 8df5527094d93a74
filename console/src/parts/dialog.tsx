/** A dialog over the page: the focus stays in it from the key that opens it on, and Esc closes it. */
import { useLayoutEffect, useRef } from "preact/hooks";
import type { ComponentChildren } from "preact";

interface Props {
  label: string;
  kind: string;
  close: () => void;
  children: ComponentChildren;
}

export function Dialog({ label, kind, close, children }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  useLayoutEffect(() => {
    const before = document.activeElement;
    dialog.current?.showModal();
    return () => {
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);
  return (
    <dialog
      ref={dialog}
      class={kind}
      aria-label={label}
      onClose={close}
      onClick={(event) => {
        if (event.target === dialog.current) close();
      }}
    >
      {children}
    </dialog>
  );
}
