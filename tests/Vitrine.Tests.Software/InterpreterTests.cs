using Iced.Intel;
using Vitrine.Accelerators;
using Vitrine.Accelerators.Software;
using Vitrine.Accelerators.Software.Interpreter.Decode;
using Vitrine.Memory;
using Vitrine.X86;
using Vitrine.X86.State;
using Xunit;
using static Iced.Intel.AssemblerRegisters;

namespace Vitrine.Tests.Software;

public sealed class InterpreterTests
{
    [Fact]
    public void TablesHaveRoomForEveryIcedValue()
    {
        Assert.Equal(IcedConstants.CodeCount, Enum.GetValues<Code>().Length);
        Assert.True((int)Enum.GetValues<Register>().Max() < IcedConstants.RegisterCount);
    }

    [Fact]
    public void RealModeLoopAdds()
    {
        Assembler a = new(16);
        Label loop = a.CreateLabel();
        a.mov(cx, 1000);
        a.xor(ax, ax);
        a.Label(ref loop);
        a.add(ax, cx);
        a.dec(cx);
        a.jnz(loop);
        a.mov(__word_ptr[0x500], ax);
        a.mov(dx, __word_ptr[0x500]);
        a.ud2();
        using GuestMemory memory = new();
        MemorySlot ram = memory.Add("ram", new Gpa(0), 1 << 20);
        MemoryStream code = new();
        a.Assemble(new StreamCodeWriter(code), 0x1000);
        Assert.True(memory.TryWrite(new Gpa(0x1000), code.ToArray()));
        using SoftwareAccelerator accelerator = SoftwareAccelerator.Create();
        accelerator.SetMemorySlot(ram);
        using IVirtualCpu vcpu = accelerator.CreateVcpu(0);
        ProcessorState state = new();
        vcpu.GetState(state);
        state.Segments[Seg.Cs].Base = 0;
        state.Segments[Seg.Cs].Selector = 0;
        state.Rip = 0x1000;
        vcpu.PutState(state, PutLevel.Runtime);
        vcpu.Run();

        // 1 + 2 + ... + 1000 = 500500 = 0x7A314.
        vcpu.GetState(state);
        Assert.Equal(0xA314UL, state.Gpr[Gpr.Rdx]);
    }
}
