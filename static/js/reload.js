// The page of something that is under way: look again in a second, unless somebody is typing.
const again = () => (document.activeElement?.matches("input, textarea, select") ? setTimeout(again, 1000) : location.reload());
setTimeout(again, 1000);
