using Vitrine.Accelerators.Software.Cpu;

namespace Vitrine.Accelerators.Software.HostExecution;

/// <summary>Hears of stubs whose instruction raised a signal in the host.</summary>
internal unsafe interface IStubFaults
{
    // SAFETY: the pointers are the executor's, valid during the call.

    /// <summary>A stub has raised a signal at an operation, which has not been executed.</summary>
    void StopAtStub(in SignalRecord signal, Op* op, HostStub* stub);
}
