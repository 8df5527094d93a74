import { render } from "preact";
import { App } from "./app";
import "./style/base.css";
import "./style/shell.css";
import "./style/pages.css";
import "./style/answers.css";

const root = document.getElementById("app");
if (root) render(<App />, root);
