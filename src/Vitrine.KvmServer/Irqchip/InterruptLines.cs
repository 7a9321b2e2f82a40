using Vitrine.Accelerators;
using Vitrine.Devices.Timing;
using Vitrine.KvmServer.Native;

namespace Vitrine.KvmServer.Irqchip;

/// <summary>
/// The global system interrupts of a machine: where each leads, and who is told when one ended. Any thread; the device lock is taken
/// inside, and nobody waits for a processor with it held.
/// </summary>
internal sealed class InterruptLines
{
    private const int VectorWords = 4;

    private readonly AcceleratorLink _link;
    private readonly List<Resampler> _resamplers = [];
    private ulong[] _awaitedEnds = new ulong[VectorWords];
    private RoutingTable _routes = RoutingTable.Empty;

    /// <summary>Creates them without any route.</summary>
    public InterruptLines() => _link = new AcceleratorLink(DeviceLock);

    /// <summary>Held while interrupt controllers and timers run, and while a message is on its way.</summary>
    public Lock DeviceLock { get; } = new();

    /// <summary>The controllers, once there are some.</summary>
    public InterruptControllers? Controllers { get; private set; }

    /// <summary>Told when the 8259 pair has ended an interrupt of the timer. Device lock held.</summary>
    public Action? TimerEnded { get; set; }

    /// <summary>Leads to an accelerator from now on. Its boot processor is to be connected again.</summary>
    public void Connect(IAccelerator accelerator) => _link.Connect(accelerator);

    /// <summary>Names the processor that the 8259 pair interrupts.</summary>
    public void Connect(IVirtualCpu bootProcessor) => _link.Connect(bootProcessor);

    /// <summary>Creates the controllers, and the routes to them.</summary>
    public void CreateControllers()
    {
        lock (DeviceLock)
        {
            Controllers = new InterruptControllers(_link, Ended);
            _link.Connect(Controllers.Pics);
            _routes = RoutingTable.Default;
        }
    }

    /// <summary>Replaces the routes.</summary>
    /// <param name="routes">The new ones.</param>
    /// <param name="clientPins">How many global system interrupts are pins of IOAPICs of the client's.</param>
    public void Replace(RoutingTable routes, uint clientPins)
    {
        ulong[] awaited = new ulong[VectorWords];
        routes.AddLevelTriggered(clientPins, awaited);
        lock (DeviceLock)
        {
            _routes = routes;
            Volatile.Write(ref _awaitedEnds, awaited);
        }
    }

    /// <summary>Drives a global system interrupt.</summary>
    /// <returns>As KVM_IRQ_LINE_STATUS: how many took it; 0 when it was coalesced with another, -1 when it was ignored.</returns>
    public int Set(uint gsi, InterruptSource source, bool level)
    {
        lock (DeviceLock)
        {
            int result = -1;
            foreach (ref readonly InterruptRoute route in _routes.Of(gsi))
            {
                int one = route.Target switch
                {
                    RouteTarget.Pic => Controllers!.SetPic(route.Pin, source, level),
                    RouteTarget.Ioapic => Controllers!.SetIoapic(route.Pin, source, level),
                    _ => level ? _link.Send(route.Message) : -1,
                };
                if (one >= 0) result = Math.Max(result, 0) + one;
            }

            return result;
        }
    }

    /// <summary>Raises a global system interrupt and lets it fall.</summary>
    public void Pulse(uint gsi, InterruptSource source)
    {
        lock (DeviceLock)
        {
            _ = Set(gsi, source, true);
            _ = Set(gsi, source, false);
        }
    }

    /// <summary>Whether a global system interrupt waits at the 8259 pair. Device lock held.</summary>
    public bool IsRequested(uint gsi)
    {
        foreach (ref readonly InterruptRoute route in _routes.Of(gsi))
        {
            if (route.Target == RouteTarget.Pic && Controllers!.IsRequested(route.Pin)) return true;
        }

        return false;
    }

    /// <summary>Sends a message.</summary>
    /// <returns>How many took it; -1 while there is no processor.</returns>
    public int Send(in MessageRoute message) => _link.Send(message);

    /// <summary>A local APIC has ended a level-triggered interrupt.</summary>
    /// <returns>True when an IOAPIC of the client's waits for that.</returns>
    public bool EndOfInterrupt(byte vector)
    {
        if (Controllers is { } controllers)
        {
            lock (DeviceLock) controllers.Ioapic.EndOfInterrupt(vector);
        }

        return (Volatile.Read(ref _awaitedEnds)[vector >> 6] & (1UL << (vector & 63))) != 0;
    }

    /// <summary>Has somebody told whenever an interrupt ends, when its line falls too.</summary>
    public void AddResampled(uint gsi, EventDescriptor told)
    {
        lock (DeviceLock)
        {
            Resampler? resampler = _resamplers.Find(candidate => candidate.Gsi == gsi);
            if (resampler is null) _resamplers.Add(resampler = new Resampler(gsi));
            resampler.Told.Add(told);
        }
    }

    /// <summary>Ends that. With the last one the line falls.</summary>
    public void RemoveResampled(uint gsi, EventDescriptor told)
    {
        lock (DeviceLock)
        {
            if (_resamplers.Find(candidate => candidate.Gsi == gsi) is not { } resampler) return;
            resampler.Told.Remove(told);
            if (resampler.Told.Count > 0) return;
            _resamplers.Remove(resampler);
            _ = Set(gsi, InterruptSource.Resampled, false);
        }
    }

    private void Ended(RouteTarget target, int pin)
    {
        foreach (Resampler resampler in _resamplers)
        {
            if (!_routes.Leads(resampler.Gsi, target, pin)) continue;
            _ = Set(resampler.Gsi, InterruptSource.Resampled, false);
            foreach (EventDescriptor told in resampler.Told) told.Signal();
        }

        if (target == RouteTarget.Pic && _routes.Leads(Pit8254Registers.Interrupt, target, pin)) TimerEnded?.Invoke();
    }
}
