-- Verdicts on an erased household say no longer whose file it was.

grant update (reference) on verdict to intake_worker;
