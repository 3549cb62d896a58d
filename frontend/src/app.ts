import htmx from "htmx.org";
import "./away";
import "./morph";
import "./elements/copy-button";
import "./elements/enabled-switch";
import "./elements/live-duration";
import "./elements/live-feed";
import "./elements/live-run";
import "./elements/live-runs";
import "./elements/log-tools";
import "./elements/log-view";
import "./elements/post-button";
import "./elements/run-dialog";
import "./elements/run-form";
import "./elements/run-view";
import "./elements/theme-switch";
import "./elements/time-ago";

// The pages' content security policy allows neither eval nor inline styles; htmx must not want them.
htmx.config.allowEval = false;
htmx.config.includeIndicatorStyles = false;
htmx.config.selfRequestsOnly = true;
htmx.config.allowScriptTags = false;
htmx.config.historyCacheSize = 0;
// What an element does stands on the element: a card inside a list never takes the list's target.
htmx.config.disableInheritance = true;
