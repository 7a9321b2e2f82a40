using System.Runtime.ExceptionServices;
using Vitrine.Accelerators;
using Vitrine.Boards;
using Vitrine.Errors;
using Vitrine.Memory;
using Vitrine.Run;
using Vitrine.Timing;

namespace Vitrine.State;

/// <summary>Between <see cref="MachineState"/> and the parts of a machine whose vCPUs stand at a held gate.</summary>
internal sealed class MachineStateTransfer
{
    /// <summary>The machine's time.</summary>
    public required MachineClock Clock { get; init; }

    /// <summary>Where its vCPUs stand.</summary>
    public required VcpuGate Gate { get; init; }

    /// <summary>Its vCPUs by number.</summary>
    public required IReadOnlyList<VcpuThread> Vcpus { get; init; }

    /// <summary>Its devices.</summary>
    public required IBoard Board { get; init; }

    /// <summary>What it runs on.</summary>
    public required IAccelerator Accelerator { get; init; }

    /// <summary>What waits for its serial port.</summary>
    public required SerialInput SerialInput { get; init; }

    /// <summary>Its memory.</summary>
    public required GuestMemory Memory { get; init; }

    /// <summary>Reads everything. Nothing changes by it.</summary>
    /// <param name="identity">The configuration that the state will need.</param>
    /// <exception cref="InvalidOperationException">The machine is running or has ended.</exception>
    public MachineState Capture(MachineIdentity identity)
    {
        long now = Clock.Now;
        MachineState state = new()
        {
            Version = MachineState.CurrentVersion,
            Identity = identity,
            Clock = now,
            Vcpus = [.. Vcpus.Select(vcpu => OnItsThread(vcpu, vcpu.Capture))],
            Devices = Board.Save(),
            Accelerator = Accelerator.GetState(),
            SerialInput = SerialInput.ToArray(),
            Memory = MemoryImage.Copy(Memory),
        };

        // The parts belong together only if nothing has run between.
        if (!Clock.IsStopped || Clock.Now != now) throw new InvalidOperationException("The machine went on while its state was captured.");
        return state;
    }

    /// <summary>Writes everything but the memory and the time, which a machine begins with, before its vCPUs have run.</summary>
    /// <exception cref="VitrineException">A part is not what the machine can have.</exception>
    public void Load(MachineState state)
    {
        Board.Load(state.Devices);
        Accelerator.PutState(state.Accelerator);
        SerialInput.Append(state.SerialInput);
        foreach (VcpuThread vcpu in Vcpus)
        {
            OnItsThread(vcpu, () =>
            {
                vcpu.Restore(state.Vcpus[vcpu.Id]);
                return true;
            });
        }
    }

    // Lets a vCPU's own thread, at the gate, do something; what it refuses comes out here.
    private T OnItsThread<T>(VcpuThread vcpu, Func<T> errand)
    {
        T? result = default;
        ExceptionDispatchInfo? refusal = null;
        bool done = Gate.Send(vcpu.Id, () =>
        {
            try
            {
                result = errand();
            }
            catch (VitrineException error)
            {
                refusal = ExceptionDispatchInfo.Capture(error);
            }
        });
        refusal?.Throw();
        return done ? result! : throw new InvalidOperationException("The machine is running or has ended; pause it first.");
    }
}
