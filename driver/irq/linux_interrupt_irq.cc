// request_irq() and related functions.

#include <linux/delay.h>
#include <linux/device.h>
#include <linux/err.h>
#include <linux/interrupt.h>
#include <linux/kernel.h>
#include <linux/kthread.h>
#include <linux/slab.h>

#include <kmem/simulated.h>

#include "irq/lines.h"
#include "print/mistakes.h"

namespace {

using namespace kmem_driver;

irqreturn_t wake_thread_only(int, void*) { return IRQ_WAKE_THREAD; }

constexpr unsigned long kMustAgree = IRQF_TRIGGER_MASK | IRQF_ONESHOT | IRQF_PERCPU;
bool may_share(const irqaction* a, const irqaction* b) {
  return a->flags & b->flags & IRQF_SHARED && !((a->flags ^ b->flags) & kMustAgree);
}

int check(int irq, const Line* line, const irqaction* a) {
  if (!line || (a->flags & IRQF_SHARED && !a->dev_id) || (!a->handler && !a->thread_fn)) return -EINVAL;
  if (a->flags & IRQF_SHARED && a->flags & IRQF_NO_AUTOEN) return -EINVAL;
  if (a->handler || a->flags & IRQF_ONESHOT || line->kind == KMEM_IRQ_MESSAGE) return 0;
  count_mistake();
  pr_err("Threaded irq requested with handler=NULL and !ONESHOT for %s (irq %d)\n", a->name, irq);
  return -EINVAL;
}

/// Adds the action. Returns null, or the action with which it conflicts.
const irqaction* link_in(Line* line, irqaction* action) {
  Quietly hold(lines().lock);
  if (line->actions && !may_share(line->actions, action)) return line->actions;
  if (!line->actions) {
    line->depth = action->flags & IRQF_NO_AUTOEN ? 1 : 0;
    line->calls_before_look = line->unhandled = line->in_a_row = 0;
  }
  irqaction** end = &line->actions;
  while (*end) end = &(*end)->next;
  *end = action;
  if (end == &line->actions) lines().open(action->irq, *line);
  return nullptr;
}

int set_up(int irq, Line* line, irqaction* action) {
  if (action->thread_fn) {
    task_struct* thread = kthread_create(run_action_thread, action, "irq/%d-%s", irq, action->name);
    if (IS_ERR(thread)) return static_cast<int>(PTR_ERR(thread));
    action->thread = thread;
    wake_up_process(thread);
  }
  const irqaction* other = link_in(line, action);
  if (!other) return 0;
  if (!(action->flags & IRQF_PROBE_SHARED)) {
    count_mistake();
    pr_err("Flags mismatch irq %d. %08lx (%s) vs. %08lx (%s)\n", irq, action->flags, action->name, other->flags, other->name);
  }
  if (action->thread) kthread_stop(action->thread);
  return -EBUSY;
}

irqaction* unlink(Line* line, const void* dev_id) {
  Quietly hold(lines().lock);
  irqaction** at = &line->actions;
  while (*at && (*at)->dev_id != dev_id) at = &(*at)->next;
  irqaction* action = *at;
  // The thread that calls the handlers may be at this action, so its link stays valid.
  if (action) *at = action->next;
  return action;
}

bool threads_are_idle(const Line* line) {
  Quietly hold(lines().lock);
  return !line->busy_threads;
}

void synchronize(Line* line) {
  lines().wait_for_handlers(*line);
  wait_event(lines().threads_idle, threads_are_idle(line));
}

// Managed by a device -----------------------------------------------------------------------------------------------------

struct Noted {
  unsigned irq;
  void* dev_id;
};
void release_noted(device*, void* block) {
  const auto* noted = static_cast<Noted*>(block);
  free_irq(noted->irq, noted->dev_id);
}
int is_noted(device*, void* block, void* want) {
  const auto *noted = static_cast<Noted*>(block), *wanted = static_cast<Noted*>(want);
  return noted->irq == wanted->irq && noted->dev_id == wanted->dev_id;
}

bool anything_due() {
  Lines& all = lines();
  Quietly hold(all.lock);
  for (int n = 0; n < Lines::kNr; ++n) {
    const Line& line = all.slot(n);
    if (Lines::is_due(line) || line.runs || line.busy_threads) return true;
  }
  return false;
}

bool take_line(Line& line, const char* name, kmem_irq_kind kind) {
  if (line.name) return false;
  line = {};
  line.name = name;
  line.kind = kind;
  return true;
}

}  // namespace

extern "C" {

int request_threaded_irq(unsigned irq, irq_handler_t handler, irq_handler_t thread_fn, unsigned long flags, const char* name,
                         void* dev_id) noexcept {
  might_sleep();
  Line* line = lines().at(static_cast<int>(irq));
  const irqaction wanted = {nullptr, handler, thread_fn, dev_id, name ? name : "", nullptr, flags, static_cast<int>(irq),
                            false,   false};
  if (const int error = check(wanted.irq, line, &wanted)) return error;
  auto* action = static_cast<irqaction*>(kmemdup(&wanted, sizeof(wanted), GFP_KERNEL));
  if (!action) return -ENOMEM;
  if (!handler) action->handler = wake_thread_only;
  if (const int error = set_up(action->irq, line, action)) return kfree(action), error;
  lines().changed();
  return 0;
}

const void* free_irq(unsigned irq, void* dev_id) noexcept {
  if (WARN(in_interrupt(), "Trying to free IRQ %d from IRQ context!", irq)) return nullptr;
  might_sleep();
  Line* line = lines().at(static_cast<int>(irq));
  irqaction* action = line ? unlink(line, dev_id) : nullptr;
  if (WARN(!action, "Trying to free already-free IRQ %d", irq)) return nullptr;
  synchronize(line);
  if (action->thread) kthread_stop(action->thread);
  const char* name = action->name;
  kfree(action);
  return name;
}

void disable_irq_nosync(unsigned irq) noexcept {
  Line* line = lines().at(static_cast<int>(irq));
  if (!line) return;
  Quietly hold(lines().lock);
  ++line->depth;
}

void disable_irq(unsigned irq) noexcept {
  disable_irq_nosync(irq);
  synchronize_irq(irq);
}
bool disable_hardirq(unsigned irq) noexcept {
  disable_irq_nosync(irq);
  return synchronize_hardirq(irq);
}

void enable_irq(unsigned irq) noexcept {
  Line* line = lines().at(static_cast<int>(irq));
  if (!line) return;
  bool unbalanced;
  {
    Quietly hold(lines().lock);
    unbalanced = !line->depth;
    if (!unbalanced) --line->depth;
  }
  WARN(unbalanced, "Unbalanced enable for IRQ %d", irq);
  lines().changed();
}

bool synchronize_hardirq(unsigned irq) noexcept {
  Line* line = lines().at(static_cast<int>(irq));
  if (!line) return true;
  if (WARN(lines().is_in_handler(), "irq %u: a handler waits for handlers: it would wait for ever", irq)) return false;
  lines().wait_for_handlers(*line);
  return threads_are_idle(line);
}

void synchronize_irq(unsigned irq) noexcept {
  Line* line = lines().at(static_cast<int>(irq));
  if (!line || WARN(lines().is_in_handler(), "irq %u: a handler waits for handlers: it would wait for ever", irq)) return;
  synchronize(line);
}

bool irq_has_action(unsigned irq) noexcept {
  Line* line = lines().at(static_cast<int>(irq));
  Quietly hold(lines().lock);
  return line && line->actions;
}

void irq_wake_thread(unsigned irq, void* dev_id) noexcept {
  Line* line = lines().at(static_cast<int>(irq));
  if (!line) return;
  Quietly hold(lines().lock);
  for (irqaction* a = line->actions; a; a = a->next)
    if (a->dev_id == dev_id && a->thread) make_thread_due(*line, a);
}

int devm_request_threaded_irq(device* dev, unsigned irq, irq_handler_t handler, irq_handler_t thread_fn, unsigned long flags,
                              const char* name, void* dev_id) noexcept {
  auto* noted = static_cast<Noted*>(devres_alloc(release_noted, sizeof(Noted), GFP_KERNEL));
  if (!noted) return -ENOMEM;
  *noted = {irq, dev_id};
  const int error = request_threaded_irq(irq, handler, thread_fn, flags, name ? name : dev_name(dev), dev_id);
  if (error) devres_free(noted);
  else devres_add(dev, noted);
  return error;
}

void devm_free_irq(device* dev, unsigned irq, void* dev_id) noexcept {
  Noted noted = {irq, dev_id};
  WARN_ON(devres_release(dev, release_noted, is_noted, &noted));
}

// A simulated device's side ------------------------------------------------------------------------------------------------

int kmem_irq_alloc(const char* name, kmem_irq_kind kind) noexcept {
  Lines& all = lines();
  all.begin();
  Quietly hold(all.lock);
  for (int irq = Lines::kFirst; irq < Lines::kNr; ++irq)
    if (take_line(all.slot(irq), name, kind)) return irq;
  return -ENOSPC;
}

int kmem_irq_alloc_line(int irq, const char* name, kmem_irq_kind kind) noexcept {
  if (irq < 1 || irq >= Lines::kFirst) return -EINVAL;
  Lines& all = lines();
  all.begin();
  Quietly hold(all.lock);
  return take_line(all.slot(irq), name, kind) ? irq : -EBUSY;
}

void kmem_irq_free(int irq) noexcept {
  Line* line = lines().at(irq);
  if (!line) return;
  while (irqaction* left = line->actions) {
    WARN(1, "irq %d (%s) goes while '%s' has a handler: free_irq() is missing", irq, line->name, left->name);
    free_irq(static_cast<unsigned>(irq), left->dev_id);
  }
  lines().wait_for_handlers(*line);
  Quietly hold(lines().lock);
  line->name = nullptr;
}

void kmem_irq_raise(int irq) noexcept {
  Line* line = lines().at(irq);
  if (!line) return;
  {
    Quietly hold(lines().lock);
    if (!line->raised || line->kind != KMEM_IRQ_LEVEL) line->in_a_row = 0;
    line->raised = line->kind == KMEM_IRQ_LEVEL;
    // An edge without a handler is lost.
    line->latched = line->kind != KMEM_IRQ_LEVEL && (line->actions || line->probed);
  }
  lines().changed();
}

void kmem_irq_lower(int irq) noexcept {
  Line* line = lines().at(irq);
  if (!line) return;
  Quietly hold(lines().lock);
  line->raised = false;
}

void kmem_irq_settle() noexcept {
  for (;;) {
    Lines& all = lines();
    for (int irq = 1; irq < Lines::kNr; ++irq)
      if (Line* line = all.at(irq)) synchronize(line);
    if (!anything_due()) return;
    msleep(1);
  }
}

unsigned long kmem_irq_count(int irq) noexcept {
  Line* line = lines().at(irq);
  Quietly hold(lines().lock);
  return line ? line->calls : 0;
}

}  // extern "C"
