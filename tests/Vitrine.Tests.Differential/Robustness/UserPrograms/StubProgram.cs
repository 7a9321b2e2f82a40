using System.Runtime.InteropServices;
using Iced.Intel;
using Vitrine.Accelerators.Software;
using Vitrine.Accelerators.Software.NativeUser;
using Vitrine.Tests.Differential;
using Vitrine.X86.State;
using Xunit;

namespace Vitrine.Tests.Robustness.UserPrograms;

/// <summary>A guest whose programs run in a stub and know everything about it.</summary>
internal sealed unsafe class StubProgram : IDisposable
{
    // Each program has a place of its own, so that nothing has to be forgotten, and all are in one stub.
    private const ulong Room = 0x80;

    // SAFETY: the image is written to a page of this object's own.
    private readonly UserMachine _machine = new(SoftwareEngine.Translator, userCode: UserCode.Native, flat: true);

    public StubProgram()
    {
        _machine.Begin([0, 0, 0, 0, 0x400]);

        // The first program brings the stub.
        Assert.Equal(13UL, Run(static a => a.hlt()));
        Assert.SkipUnless(Engine.Spaces.Refused is null, $"the host refuses {Engine.Spaces.Refused}");
        byte* page = (byte*)NativeMemory.AllocZeroed(StubLayout.CodeBytes);
        Code = StubImage.Write(page, Stub.Start, Environment.ProcessId);
        NativeMemory.Free(page);
    }

    /// <summary>Where the last program began.</summary>
    public ulong Start { get; private set; } = UserMachine.Code - Room;

    public SoftwareVcpu Vcpu => _machine.Vcpu;

    public NativeUserEngine Engine => Vcpu.NativeEngine!;

    public StubProcess Stub => Engine.Spaces.All[^1].Stub;

    public StubCode Code { get; }

    public ref MachineImage Outcome => ref _machine.Outcome;

    /// <summary>Address of the shared pages in the stub.</summary>
    public ulong Shared => Stub.Start + StubLayout.CodeBytes;

    /// <summary>Runs a program with RBX at the shared pages and RBP at the stub's code, until its first exception.</summary>
    /// <returns>The exception's vector.</returns>
    public ulong Run(Action<Assembler> emit)
    {
        Assembler assembler = new(64);
        emit(assembler);
        MemoryStream code = new();
        Start += Room;
        if (Start >= UserMachine.Code + UserMachine.CodeSize)
        {
            Start = UserMachine.Code;
            _machine.Begin([0, 0, 0, 0, 0x400]);
        }

        assembler.Assemble(new StreamCodeWriter(code), Start);
        code.ToArray().CopyTo(_machine.Memory[(int)(Start - UserMachine.Code)..]);
        MachineImage start = default;
        StubSpace? space = Engine.Spaces.All.LastOrDefault();
        if (space is not null)
        {
            start.SetGeneral(Gpr.Rbp, space.Stub.Start);
            start.SetGeneral(Gpr.Rbx, space.Stub.Start + StubLayout.CodeBytes);
        }

        start.SetGeneral(Gpr.Rsp, UserMachine.Data + 0x2000);
        start.Rip = Start;
        start.CodeSelector = OracleLayout.Code64;
        start.StackSelector = OracleLayout.Stack;
        start.Rflags = 0x202;
        start.ControlWord = 0x37F;
        start.Mxcsr = 0x1F80;
        if (!_machine.Run(ref start))
        {
            // Kicked before its end.
            while (!_machine.Resume())
            {
            }
        }

        return Outcome.Vector;
    }

    public void Dispose() => _machine.Dispose();
}
